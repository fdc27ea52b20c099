package api

import "github.com/picloud/picloud/internal/picloud"

// Outbound says which hosts the scripts of an app may call.
type Outbound struct {
	Hosts picloud.OutHosts `json:"hosts" doc:"Names, *.example.com for all below one, addresses, or * for every public host; with a port behind it if it is not 80 or 443"`
	Own   bool             `json:"own" doc:"The app has this list of its own; otherwise it is the instance's"`
}

// SetOutbound gives an app a list.
type SetOutbound struct {
	Hosts []string `json:"hosts" maxItems:"200" doc:"An empty list lets scripts call nobody"`
}
