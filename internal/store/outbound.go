package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/picloud/picloud/internal/picloud"
)

// OutHostsOf implements [picloud.OutHostLists].
func (s *Store) OutHostsOf(ctx context.Context, app string) (hosts picloud.OutHosts, set bool, err error) {
	err = s.read(ctx, "read an app's hosts", func(tx *tx) error {
		a, err := appByName(tx, app)
		if err != nil {
			return err
		}
		var text string
		if err := tx.row("SELECT out_hosts FROM apps WHERE id = $1", a.ID).Scan(&text); err != nil || text == "" {
			return err
		}
		set = true
		return json.Unmarshal([]byte(text), &hosts)
	})
	return hosts, set, err
}

// SetOutHosts implements [picloud.OutHostLists].
func (s *Store) SetOutHosts(ctx context.Context, app string, hosts picloud.OutHosts, set bool) error {
	text := ""
	if set {
		if hosts == nil {
			hosts = picloud.OutHosts{}
		}
		data, err := json.Marshal(hosts)
		if err != nil {
			return fmt.Errorf("write an app's hosts: %w", err)
		}
		text = string(data)
	}
	return s.change(ctx, "set an app's hosts", func(tx *tx) error {
		a, err := appByName(tx, app)
		if err != nil {
			return err
		}
		_, err = tx.exec("UPDATE apps SET out_hosts = $1 WHERE id = $2", text, a.ID)
		return err
	})
}

// outHosts are the lists of all apps that have one, by their ids.
func outHosts(tx *tx) (map[string]picloud.OutHosts, error) {
	type entry struct {
		id    string
		hosts picloud.OutHosts
	}
	list, err := all(tx, func(row scanner) (e entry, err error) {
		var text string
		if err := row.Scan(&e.id, &text); err != nil {
			return e, err
		}
		return e, json.Unmarshal([]byte(text), &e.hosts)
	}, "SELECT id, out_hosts FROM apps WHERE out_hosts <> ''")
	if err != nil {
		return nil, err
	}
	found := make(map[string]picloud.OutHosts, len(list))
	for _, e := range list {
		found[e.id] = e.hosts
	}
	return found, nil
}
