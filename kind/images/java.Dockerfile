# A Java runtime over the C library. The class-data archive of the JDK's own classes halves the start of every JVM.
FROM edalab.local/runtime-base
COPY . /opt/java/openjdk
ENV JAVA_HOME=/opt/java/openjdk PATH=/opt/java/openjdk/bin:/usr/local/bin:/usr/bin:/bin
RUN java -Xshare:dump -XX:+UseSerialGC >/dev/null
