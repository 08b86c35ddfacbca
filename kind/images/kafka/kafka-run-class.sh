#!/bin/sh
# Runs one class of Kafka: kafka-run-class.sh CLASS [ARGUMENT ...]. The commands beside it name their class and call it.
# A command lives for a second or two, so the JVM is told to start quickly rather than to run fast.
# The class path is sorted and spelled out: class-data archives hold only for the exact list they were made with.
home=$(cd "$(dirname "$0")/.." && pwd)
class_path=
for jar in "$home"/libs/*.jar; do class_path="$class_path${class_path:+:}$jar"; done
exec java ${KAFKA_HEAP_OPTS:--Xmx256m} -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
  -Dlog4j2.configurationFile="${KAFKA_LOG4J_CONFIG:-$home/config/tools-log4j2.properties}" ${KAFKA_OPTS:-} \
  -cp "$class_path" "$@"
