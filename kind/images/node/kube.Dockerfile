# The image of every static pod and of kube-proxy; tagged with the five names that kubeadm looks for.
FROM edalab.local/node-base
COPY kubenode /usr/local/bin/kubenode
RUN for c in etcd kube-apiserver kube-controller-manager kube-scheduler kube-proxy; do ln -s kubenode /usr/local/bin/$c; done
