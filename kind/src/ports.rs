//! Host ports of the lab and the node ports behind them.

use std::net::{Ipv4Addr, TcpListener};

use crate::error::{Error, Result};

/// A port on 127.0.0.1 and the node port that it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Port {
    pub(crate) name: &'static str,
    pub(crate) node: u16,
    pub(crate) host: u16,
}

const PORTS: [Port; 7] = [
    Port { name: "dashboard", node: 30080, host: 8080 },
    Port { name: "quotation", node: 30081, host: 8081 },
    Port { name: "souscription", node: 30082, host: 8082 },
    Port { name: "reclamation", node: 30083, host: 8083 },
    Port { name: "simulator", node: 30084, host: 8084 },
    Port { name: "schema registry", node: 30085, host: 8085 },
    Port { name: "kafka", node: 30092, host: 9092 },
];

/// The lab's ports, shifted by `offset`.
pub(crate) fn shifted(offset: u16) -> Vec<Port> {
    PORTS.iter().map(|port| Port { host: port.host.saturating_add(offset), ..*port }).collect()
}

/// The lab's ports that a cluster of this configuration does not lead to: it was made before the lab had them.
pub(crate) fn missing(config: &str, ports: &[Port]) -> Vec<Port> {
    let mapped = |port: &Port| config.contains(&format!("containerPort: {},", port.node));
    ports.iter().filter(|port| !mapped(port)).copied().collect()
}

/// Fails when a port is taken, naming it and the flag that helps.
pub(crate) fn check_free(ports: &[Port]) -> Result<()> {
    for port in ports {
        if let Err(e) = TcpListener::bind((Ipv4Addr::LOCALHOST, port.host)) {
            return Err(Error::Cannot {
                what: format!("port {} of this machine, for {}, cannot be used: {e}", port.host, port.name),
                next: "end what listens there, or shift the lab's ports: edalab up --port-offset 1000".into(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_with_the_flag_that_helps() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = Port { name: "kafka", node: 30092, host: taken.local_addr().unwrap().port() };
        let message = check_free(&[port]).unwrap_err().to_string();
        assert!(message.contains(&port.host.to_string()) && message.contains("--port-offset"), "{message}");
    }

    #[test]
    fn a_port_that_is_newer_than_the_cluster_is_found() {
        let config = "- {containerPort: 30081, hostPort: 8081}\n- {containerPort: 30092, hostPort: 9092}";
        let missing: Vec<&str> = missing(config, &shifted(0)).iter().map(|port| port.name).collect();
        assert_eq!(missing, ["dashboard", "souscription", "reclamation", "simulator", "schema registry"]);
    }

    #[test]
    fn an_offset_shifts_host_ports_only() {
        let kafka = shifted(1000).into_iter().find(|port| port.name == "kafka").unwrap();
        assert_eq!((kafka.host, kafka.node), (10092, 30092));
    }
}
