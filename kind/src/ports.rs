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

const PORTS: [Port; 3] = [
    Port { name: "quotation", node: 30081, host: 8081 },
    Port { name: "schema registry", node: 30085, host: 8085 },
    Port { name: "kafka", node: 30092, host: 9092 },
];

/// The lab's ports, shifted by `offset`.
pub(crate) fn shifted(offset: u16) -> Vec<Port> {
    PORTS.iter().map(|port| Port { host: port.host.saturating_add(offset), ..*port }).collect()
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
    fn an_offset_shifts_host_ports_only() {
        let kafka = shifted(1000)[2];
        assert_eq!((kafka.host, kafka.node), (10092, 30092));
    }
}
