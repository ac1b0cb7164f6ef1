package main

import (
	"strings"
	"testing"
)

func TestRoomsTakeDifferentBlocksAndKeepThem(t *testing.T) {
	home := t.TempDir()
	first := &Room{home: home}
	claimed, err := first.claimNetwork()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (&Room{home: t.TempDir(), network: first.network}).claimNetwork(); err == nil || !strings.Contains(err.Error(), first.network) {
		t.Errorf("a block in use was given away: %v", err)
	}
	other, err := (&Room{home: t.TempDir()}).claimNetwork()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	claimed.Close()
	again := &Room{home: home}
	claimed, err = again.claimNetwork()
	if err != nil || again.network != first.network {
		t.Errorf("block %s after %s: %v", again.network, first.network, err)
	}
	claimed.Close()
}
