# Brings a fault about and ends it. It runs in the node: fault.sh FAULT SECONDS POD_UID POD_IP
fault=$1 seconds=$2 pod=$(echo "$3" | tr - .) address=$4

# To the pod's processes, by their control group; not to the one that holds its network.
signal() {
  for file in $(grep -ls "pod$pod" /proc/[0-9]*/cgroup); do
    process=${file%/cgroup}
    [ "$(cat "$process/comm" 2>/dev/null)" = pause ] || kill -s "$1" "${process#/proc/}" 2>/dev/null
  done
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
    # What is started in its place is there within a second, and is seen by nobody before the end.
    trap 'rules --delete' EXIT
    rules --insert
    signal KILL
    ;;
  pause)
    trap 'signal CONT' EXIT
    signal STOP
    ;;
  partition)
    trap 'rules --delete' EXIT
    rules --insert
    ;;
esac
sleep "$seconds"
