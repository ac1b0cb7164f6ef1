package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Workload is one workload cluster: a real kube-apiserver at the cluster's endpoint, its objects in the
// etcd shared by all of them, plus the machines' kubelets and etcd members, which the room plays (kubelet.go).
type Workload struct {
	key    client.ObjectKey
	mu     sync.Mutex // held while the API server is started or stopped
	proc   *exec.Cmd
	done   chan struct{} // closed when proc ended
	api    client.Client
	inited bool // kubeadm init is done
	kubelet
}

func (r *Room) workload(key client.ObjectKey) *Workload {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.workloads[key]
	if w == nil {
		w = &Workload{key: key}
		w.members = map[string]uint64{}
		r.workloads[key] = w
	}
	return w
}

func (w *Workload) isControlPlane(o *Object) bool {
	_, ok := o.machine.GetLabels()[controlPlaneLabel]
	return ok
}

// spawn starts a process that dies with the room.
func (r *Room) spawn(name, logFile string, args ...string) (*exec.Cmd, chan struct{}, error) {
	if err := os.MkdirAll(filepath.Dir(logFile), 0o700); err != nil {
		return nil, nil, err
	}
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, err
	}
	defer log.Close()
	c := exec.Command(filepath.Join(r.bin, name), args...)
	c.Stdout, c.Stderr = log, log
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	done := make(chan struct{})
	started := make(chan error)
	go func() { // Pdeathsig follows the thread, so this goroutine keeps it
		runtime.LockOSThread()
		err := c.Start()
		started <- err
		if err == nil {
			_ = c.Wait()
		}
		close(done)
	}()
	return c, done, <-started
}

// startEtcd starts the etcd that stores every workload cluster, and waits until it answers.
func (r *Room) startEtcd(ctx context.Context, port, peerPort int) error {
	r.etcd = fmt.Sprintf("http://127.0.0.1:%d", port)
	peer := fmt.Sprintf("http://127.0.0.1:%d", peerPort)
	_, done, err := r.spawn("etcd", filepath.Join(r.home, "etcd.log"), "--name", "room", "--data-dir", filepath.Join(r.home, "etcd"),
		"--listen-client-urls", r.etcd, "--advertise-client-urls", r.etcd, "--listen-peer-urls", peer,
		"--initial-advertise-peer-urls", peer, "--initial-cluster", "room="+peer, "--unsafe-no-fsync", "--log-level", "warn")
	if err != nil {
		return err
	}
	for range 100 {
		select {
		case <-done:
			return errors.New("etcd ended, see etcd.log")
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
		if resp, err := http.Get(r.etcd + "/health"); err == nil {
			resp.Body.Close()
			return nil
		}
	}
	return errors.New("etcd does not answer")
}

func (r *Room) stopAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.workloads {
		w.stop()
	}
}

func (w *Workload) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.api = nil
	w.kubelet.close()
	if w.proc != nil {
		_ = w.proc.Process.Kill()
		<-w.done
		w.proc = nil
	}
}

// removeWorkload stops the cluster's API server and drops its objects from the shared etcd.
func (r *Room) removeWorkload(ctx context.Context, key client.ObjectKey) error {
	r.workload(key).stop()
	r.mu.Lock()
	delete(r.workloads, key)
	r.mu.Unlock()
	if err := os.RemoveAll(r.folder(key)); err != nil {
		return err
	}
	conn, err := grpc.NewClient(strings.TrimPrefix(r.etcd, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	prefix := "/" + key.String() + "/"
	_, err = pb.NewKVClient(conn).DeleteRange(ctx, &pb.DeleteRangeRequest{Key: []byte(prefix), RangeEnd: []byte(prefix[:len(prefix)-1] + "0")})
	return err
}

func (r *Room) folder(key client.ObjectKey) string {
	return filepath.Join(r.home, "clusters", key.Namespace, key.Name)
}

// ---- the API server ----

// up makes sure that the API server runs and answers.
func (w *Workload) up(ctx context.Context, r *Room, o *Object) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.proc != nil {
		select {
		case <-w.done:
			w.proc, w.api = nil, nil
		default:
		}
	}
	if w.api != nil {
		return nil
	}
	host, _, _ := unstructured.NestedString(o.infra.Object, "spec", "controlPlaneEndpoint", "host")
	port, _, _ := unstructured.NestedInt64(o.infra.Object, "spec", "controlPlaneEndpoint", "port")
	endpoint := net.JoinHostPort(host, fmt.Sprint(port))
	dir := r.folder(w.key)
	ca, err := r.readCA(ctx, w.key, "ca")
	if err != nil {
		return err
	}
	admin, err := ca.issue("room-admin", "system:masters", host)
	if err != nil {
		return err
	}
	if w.proc == nil {
		if err := w.start(ctx, r, o, ca, dir, host, port); err != nil {
			return err
		}
	}
	certPEM, keyPEM := encode(admin)
	cfg := &rest.Config{Host: "https://" + endpoint, QPS: 100, Burst: 200, Timeout: 10 * time.Second,
		TLSClientConfig: rest.TLSClientConfig{CAData: ca.pem, CertData: certPEM, KeyData: keyPEM}}
	httpClient, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return err
	}
	resp, err := httpClient.Get(cfg.Host + "/readyz")
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("API server answers %s", resp.Status)
	}
	api, err := client.New(cfg, client.Options{HTTPClient: httpClient})
	if err != nil {
		return err
	}
	w.api, w.inited = api, false
	return nil
}

func (w *Workload) start(ctx context.Context, r *Room, o *Object, ca *authority, dir, host string, port int64) error {
	etcdCA, err := r.readCA(ctx, w.key, "etcd")
	if err != nil {
		return err
	}
	proxyCA, err := r.readCA(ctx, w.key, "proxy")
	if err != nil {
		return err
	}
	sa := &corev1.Secret{}
	if err := r.Get(ctx, client.ObjectKey{Namespace: w.key.Namespace, Name: w.key.Name + "-sa"}, sa); err != nil {
		return err
	}
	services, _, _ := unstructured.NestedStringSlice(o.cluster.Object, "spec", "clusterNetwork", "services", "cidrBlocks")
	first, _, err := net.ParseCIDR(append(services, "10.96.0.0/12")[0])
	if err != nil {
		return err
	}
	serviceIP := first.To4()
	serviceIP[3]++
	server, err := ca.issue("kube-apiserver", "", host, serviceIP.String(), "kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost")
	if err != nil {
		return err
	}
	certPEM, keyPEM := encode(server)
	for name, data := range map[string][]byte{"ca.crt": ca.pem, "proxy-ca.crt": proxyCA.pem, "sa.key": sa.Data["tls.key"], "server.crt": certPEM, "server.key": keyPEM} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return err
		}
	}
	if err := w.kubelet.listen(host, net.JoinHostPort(host, fmt.Sprint(port)), server, etcdCA); err != nil {
		return err
	}
	f := func(name string) string { return filepath.Join(dir, name) }
	w.proc, w.done, err = r.spawn("kube-apiserver", f("kube-apiserver.log"),
		"--bind-address", host, "--secure-port", fmt.Sprint(port), "--advertise-address", host, "--endpoint-reconciler-type", "none",
		"--etcd-servers", r.etcd, "--etcd-prefix", "/"+w.key.String(),
		"--tls-cert-file", f("server.crt"), "--tls-private-key-file", f("server.key"), "--client-ca-file", f("ca.crt"),
		"--requestheader-client-ca-file", f("proxy-ca.crt"), "--requestheader-username-headers", "X-Remote-User",
		"--requestheader-group-headers", "X-Remote-Group", "--requestheader-extra-headers-prefix", "X-Remote-Extra-",
		"--service-account-issuer", "https://kubernetes.default.svc", "--service-account-key-file", f("sa.key"), "--service-account-signing-key-file", f("sa.key"),
		"--service-cluster-ip-range", append(services, "10.96.0.0/12")[0], "--authorization-mode", "Node,RBAC",
		"--enable-bootstrap-token-auth", "--allow-privileged", "--profiling=false",
		"--kubelet-preferred-address-types", string(corev1.NodeExternalDNS))
	if err != nil {
		w.proc = nil
	}
	return err
}
