package main

import (
	"fmt"
	"hash/fnv"
	"net"
	"os"
	"path/filepath"
	"strings"
)

const (
	firstBlock, blocks = 64, 160 // 127.64 to 127.223
	claimPort          = "10249" // next to the kubelet's; no workload cluster listens on it
)

// claimNetwork settles which loopback block the room's clusters live in, so that several rooms on one
// machine do not meet: the holder of a block listens at its first address. A room that is started again in
// its home takes the block it had, because its clusters have their addresses.
func (r *Room) claimNetwork() (net.Listener, error) {
	file := filepath.Join(r.home, "network")
	if r.network == "" {
		if kept, err := os.ReadFile(file); err == nil {
			r.network = strings.TrimSpace(string(kept))
		}
	}
	if r.network != "" {
		return claim(r.network)
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(r.home))
	var last error
	for n := range uint32(blocks) {
		network := fmt.Sprintf("127.%d", firstBlock+(h.Sum32()+n)%blocks)
		listener, err := claim(network)
		if err != nil {
			last = err
			continue
		}
		r.network = network
		if err := os.MkdirAll(r.home, 0o700); err != nil {
			listener.Close()
			return nil, err
		}
		return listener, os.WriteFile(file, []byte(network+"\n"), 0o600)
	}
	return nil, fmt.Errorf("no loopback block is free: %w", last)
}

func claim(network string) (net.Listener, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(network+".0.1", claimPort))
	if err != nil {
		return nil, fmt.Errorf("loopback block %s is used by another room: %w", network, err)
	}
	return listener, nil
}
