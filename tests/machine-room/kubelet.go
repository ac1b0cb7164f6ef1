package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/apimachinery/pkg/util/httpstream/spdy"
)

const (
	kubeletPort = 10250
	etcdVersion = "3.5.15"
)

// kubelet plays the kubelets of one workload cluster, of which Cluster API only uses port-forward to
// the etcd pods, and the etcd members behind it. The members answer what KubeadmControlPlane asks
// (status, alarms, members, remove, move leader) from memory; the cluster's data are in the room's own etcd.
type kubelet struct {
	pb.UnimplementedMaintenanceServer
	pb.UnimplementedClusterServer

	host, endpoint string // the load balancer address, and that with the API server's port
	server         *http.Server
	etcd           *grpc.Server

	lock    sync.Mutex
	members map[string]uint64 // the member list, by node name
	running map[string]string // machines that are on, and the error their etcd reports
	leader  string
}

// listen serves the kubelet API at the cluster's address and etcd behind it.
func (k *kubelet) listen(host, endpoint string, cert *tls.Certificate, etcdCA *authority) error {
	k.close()
	member, err := etcdCA.issue("etcd", "", host)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AddCert(etcdCA.cert)
	l, err := tls.Listen("tcp", net.JoinHostPort(host, "10250"), &tls.Config{Certificates: []tls.Certificate{*cert}})
	if err != nil {
		return err
	}
	k.host, k.endpoint = host, endpoint
	forwarded := &streamListener{conns: make(chan net.Conn), done: make(chan struct{})}
	k.server = &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		k.portForward(w, req, forwarded)
	})}
	k.etcd = grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{*member}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12})))
	pb.RegisterMaintenanceServer(k.etcd, k)
	pb.RegisterClusterServer(k.etcd, k)
	go k.server.Serve(l)
	go k.etcd.Serve(forwarded)
	return nil
}

func (k *kubelet) close() {
	if k.server != nil {
		_ = k.server.Close()
		k.etcd.Stop()
		k.server = nil
	}
}

// join turns the machine's etcd on; a new member is added to the list as kubeadm does. failure is an error it reports.
func (k *kubelet) join(node, failure string) {
	k.lock.Lock()
	defer k.lock.Unlock()
	if k.running == nil {
		k.running = map[string]string{}
	}
	if _, on := k.running[node]; !on {
		k.members[node] = memberID(node)
	}
	k.running[node] = failure
	if k.leader == "" {
		k.leader = node
	}
}

func (k *kubelet) leave(node string) {
	k.lock.Lock()
	defer k.lock.Unlock()
	delete(k.running, node)
	if k.leader == node {
		k.elect()
	}
}

func (k *kubelet) elect() {
	k.leader = ""
	for name := range k.running {
		if _, ok := k.members[name]; ok && (k.leader == "" || name < k.leader) {
			k.leader = name
		}
	}
}

// portForward serves POST /portForward/<namespace>/<pod> as the kubelet does: SPDY, an error and a data stream.
// Behind etcd-<node> is the etcd above, behind kube-apiserver-<node> the API server, whose certificate
// KubeadmControlPlane looks at.
func (k *kubelet) portForward(w http.ResponseWriter, req *http.Request, forwarded *streamListener) {
	pod, ok := strings.CutPrefix(req.URL.Path, "/portForward/kube-system/")
	node, toEtcd := strings.CutPrefix(pod, "etcd-")
	if !toEtcd {
		node = strings.TrimPrefix(pod, "kube-apiserver-")
	}
	k.lock.Lock()
	_, on := k.running[node]
	k.lock.Unlock()
	if !ok || !on {
		http.Error(w, "no such pod", http.StatusNotFound)
		return
	}
	if _, err := httpstream.Handshake(req, w, []string{"portforward.k8s.io"}); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	streams := make(chan httpstream.Stream, 2)
	conn := spdy.NewResponseUpgrader().UpgradeResponse(w, req, func(s httpstream.Stream, _ <-chan struct{}) error {
		streams <- s
		return nil
	})
	if conn == nil {
		return
	}
	defer conn.Close()
	conn.SetIdleTimeout(10 * time.Minute)
	for {
		select {
		case <-conn.CloseChan():
			return
		case s := <-streams:
			switch {
			case s.Headers().Get(corev1.StreamType) != corev1.StreamTypeData:
			case toEtcd:
				forwarded.pass(streamConn{s, node})
			default:
				go k.toAPIServer(s)
			}
		}
	}
}

func (k *kubelet) toAPIServer(s httpstream.Stream) {
	defer s.Reset()
	c, err := net.Dial("tcp", k.endpoint)
	if err != nil {
		return
	}
	defer c.Close()
	go io.Copy(c, s)
	_, _ = io.Copy(s, c)
}

// streamConn is a port-forwarded stream as a connection; its local address names the etcd member.
type streamConn struct {
	httpstream.Stream
	node string
}

type nodeAddr string

func (nodeAddr) Network() string  { return "portforward" }
func (a nodeAddr) String() string { return string(a) }

func (c streamConn) LocalAddr() net.Addr              { return nodeAddr(c.node) }
func (c streamConn) RemoteAddr() net.Addr             { return nodeAddr("client") }
func (c streamConn) SetDeadline(time.Time) error      { return nil }
func (c streamConn) SetReadDeadline(time.Time) error  { return nil }
func (c streamConn) SetWriteDeadline(time.Time) error { return nil }
func (c streamConn) Close() error                     { return c.Reset() }

// streamListener hands connections to a server that listens nowhere.
type streamListener struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (l *streamListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// pass waits until the server takes the connection, or closes it when there is no server any more.
func (l *streamListener) pass(c net.Conn) {
	select {
	case l.conns <- c:
	case <-l.done:
		_ = c.Close()
	}
}

func (l *streamListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *streamListener) Addr() net.Addr { return nodeAddr("etcd") }

// ---- etcd ----

func (k *kubelet) header() *pb.ResponseHeader {
	return &pb.ResponseHeader{ClusterId: memberID(k.host), MemberId: k.members[k.leader], Revision: 1, RaftTerm: 1}
}

func (k *kubelet) Status(context.Context, *pb.StatusRequest) (*pb.StatusResponse, error) {
	k.lock.Lock()
	defer k.lock.Unlock()
	s := &pb.StatusResponse{Header: k.header(), Version: etcdVersion, Leader: k.members[k.leader], DbSize: 1 << 20, RaftTerm: 1, RaftIndex: 1}
	for _, failure := range k.running {
		if failure != "" {
			s.Errors = append(s.Errors, failure)
		}
	}
	return s, nil
}

func (k *kubelet) Alarm(context.Context, *pb.AlarmRequest) (*pb.AlarmResponse, error) {
	k.lock.Lock()
	defer k.lock.Unlock()
	return &pb.AlarmResponse{Header: k.header()}, nil
}

func (k *kubelet) list() (members []*pb.Member) {
	for name, id := range k.members {
		members = append(members, &pb.Member{ID: id, Name: name, PeerURLs: []string{"https://" + name + ":2380"}, ClientURLs: []string{"https://" + name + ":2379"}})
	}
	slices.SortFunc(members, func(a, b *pb.Member) int { return strings.Compare(a.Name, b.Name) })
	return members
}

func (k *kubelet) MemberList(context.Context, *pb.MemberListRequest) (*pb.MemberListResponse, error) {
	k.lock.Lock()
	defer k.lock.Unlock()
	return &pb.MemberListResponse{Header: k.header(), Members: k.list()}, nil
}

func (k *kubelet) MemberRemove(_ context.Context, req *pb.MemberRemoveRequest) (*pb.MemberRemoveResponse, error) {
	k.lock.Lock()
	defer k.lock.Unlock()
	for name, id := range k.members {
		if id == req.ID {
			delete(k.members, name)
			if k.leader == name {
				k.elect()
			}
		}
	}
	return &pb.MemberRemoveResponse{Header: k.header(), Members: k.list()}, nil
}

func (k *kubelet) MoveLeader(_ context.Context, req *pb.MoveLeaderRequest) (*pb.MoveLeaderResponse, error) {
	k.lock.Lock()
	defer k.lock.Unlock()
	for name, id := range k.members {
		if id == req.TargetID {
			k.leader = name
			return &pb.MoveLeaderResponse{Header: k.header()}, nil
		}
	}
	return nil, errors.New("etcdserver: not found")
}

// memberID is the stable id of an etcd member or cluster.
func memberID(name string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return h.Sum64()
}
