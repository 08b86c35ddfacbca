# Brings a fault about and ends it. It runs in the node: fault.sh FAULT SECONDS POD_UID POD_IP
fault=$1 seconds=$2 pod=$(echo "$3" | tr - .) address=$4
end=$(($(date +%s) + seconds))

# The pod's processes, by their control group; not the one that holds its network, nor one that becomes a container.
processes() {
  for file in $(grep -ls "pod$pod" /proc/[0-9]*/cgroup); do
    process=${file%/cgroup}
    case $(cat "$process/comm" 2>/dev/null) in
      pause | runc*) ;;
      *) echo "${process#/proc/}" ;;
    esac
  done
}

signal() {
  for process in $(processes); do kill -s "$1" "$process" 2>/dev/null; done
}

# One rule for what it sends and one for what it is sent.
rules() {
  iptables --wait "$1" FORWARD --source "$address" --jump DROP
  iptables --wait "$1" FORWARD --destination "$address" --jump DROP
}

# Whatever ends the script ends the fault.
trap 'exit 1' HUP INT TERM
case $fault in
  kill)
    trap 'signal CONT' EXIT
    signal KILL
    while [ "$(date +%s)" -lt "$end" ]; do
      signal STOP
      sleep 0.1
    done
    ;;
  pause)
    trap 'signal CONT' EXIT
    signal STOP
    sleep "$seconds"
    ;;
  partition)
    trap 'rules --delete' EXIT
    rules --insert
    sleep "$seconds"
    ;;
esac
