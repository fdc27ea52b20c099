package mqtt

import (
	"bytes"
	"context"
	"strings"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/picloud/picloud/internal/picloud"
)

// hook is where the broker library asks. It puts the id of a client's app before
// its name, its filters and its topics, so that apps share nothing, and takes it
// away from what is sent to it.
type hook struct {
	mochi.HookBase
	b *Broker
}

// nowhere is a topic that nobody can subscribe to.
const nowhere = "-"

// ID implements mochi.Hook.
func (*hook) ID() string { return "picloud" }

// Provides implements mochi.Hook.
func (*hook) Provides(what byte) bool {
	return bytes.Contains([]byte{
		mochi.OnConnectAuthenticate, mochi.OnACLCheck, mochi.OnSubscribe, mochi.OnUnsubscribe, mochi.OnPublish,
		mochi.OnPacketEncode, mochi.OnPacketRead, mochi.OnWill,
	}, []byte{what})
}

// OnPacketRead implements mochi.Hook: nothing is retained, whoever asks for it.
func (*hook) OnPacketRead(_ *mochi.Client, pk packets.Packet) (packets.Packet, error) {
	switch pk.FixedHeader.Type {
	case packets.Publish:
		pk.FixedHeader.Retain = false
	case packets.Connect:
		pk.Connect.WillRetain = false
	}
	return pk, nil
}

// OnConnectAuthenticate implements mochi.Hook.
func (h *hook) OnConnectAuthenticate(cl *mochi.Client, pk packets.Packet) bool {
	d, err := h.b.signIn(string(cl.Properties.Username), string(pk.Connect.Password))
	if err != nil {
		h.b.cfg.Log.Info("a device may not sign in", "user", picloud.ToText(clip(string(cl.Properties.Username))), "from", cl.Net.Remote, "err", err)
		return false
	}
	cl.ID = d.AppID + "/" + cl.ID
	cl.Properties.Clean = true // sessions end with their connection
	h.b.enter(cl, d)
	return true
}

func clip(s string) string { return s[:min(len(s), 100)] }

// OnACLCheck implements mochi.Hook. By now topics and filters have the app's id
// before them; what a device publishes is looked at in OnPublish.
func (h *hook) OnACLCheck(cl *mochi.Client, topic string, write bool) bool {
	s := h.b.of(cl)
	if s == nil {
		return false
	}
	filter, mine := strings.CutPrefix(topic, s.device.AppID+"/")
	return write || mine && !strings.HasPrefix(filter, "$")
}

// OnSubscribe implements mochi.Hook.
func (h *hook) OnSubscribe(cl *mochi.Client, pk packets.Packet) packets.Packet {
	if s := h.b.of(cl); s != nil {
		pk.Filters = within(s.device.AppID, pk.Filters)
		h.b.join(s)
	}
	return pk
}

// OnUnsubscribe implements mochi.Hook.
func (h *hook) OnUnsubscribe(cl *mochi.Client, pk packets.Packet) packets.Packet {
	if s := h.b.of(cl); s != nil {
		pk.Filters = within(s.device.AppID, pk.Filters)
	}
	return pk
}

func within(appID string, filters packets.Subscriptions) packets.Subscriptions {
	list := make(packets.Subscriptions, len(filters))
	for i, f := range filters {
		f.Filter = appID + "/" + f.Filter
		list[i] = f
	}
	return list
}

// OnPublish implements mochi.Hook. What it does not refuse is acknowledged when
// it returns, and given to nobody: whoever is to get it gets it from the store.
func (h *hook) OnPublish(cl *mochi.Client, pk packets.Packet) (packets.Packet, error) {
	if cl.Net.Inline {
		return pk, nil // from the store
	}
	s := h.b.of(cl)
	if s == nil || s.rate.take(h.b.life) != nil {
		return pk, packets.ErrRejectPacket
	}
	m, err := messageOf(s.device, pk.TopicName, pk.Payload)
	if err != nil {
		return pk, h.refuse(cl, pk, packets.ErrTopicNameInvalid, err)
	}
	ctx, cancel := context.WithTimeout(h.b.life, publishTime)
	defer cancel()
	if _, err := h.b.cfg.Topics.Publish(ctx, s.device.App, []picloud.Message{m}); err != nil {
		code := packets.ErrImplementationSpecificError
		if picloud.IsCode(err, picloud.CodeQuota) {
			code = packets.ErrQuotaExceeded
		}
		return pk, h.refuse(cl, pk, code, err)
	}
	return pk, packets.CodeSuccessIgnore
}

// refuse does not acknowledge a message. In MQTT 5 its device is told; before
// that there is no way but to hang up, after which devices send it again.
func (h *hook) refuse(cl *mochi.Client, pk packets.Packet, code packets.Code, why error) error {
	h.b.cfg.Log.Info("a device's message is refused", "client", cl.ID, "topic", picloud.ToText(clip(pk.TopicName)), "err", why)
	if cl.Properties.ProtocolVersion == 5 && pk.FixedHeader.Qos > 0 {
		return code
	}
	if pk.FixedHeader.Qos > 0 {
		cl.Stop(code)
	}
	return packets.ErrRejectPacket
}

// OnWill implements mochi.Hook: a last will is a message like any other.
func (h *hook) OnWill(cl *mochi.Client, will mochi.Will) (mochi.Will, error) {
	s := h.b.of(cl)
	if s != nil {
		m, err := messageOf(s.device, will.TopicName, will.Payload)
		if err == nil {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(h.b.life), publishTime)
			defer cancel()
			_, err = h.b.cfg.Topics.Publish(ctx, s.device.App, []picloud.Message{m})
		}
		if err != nil {
			h.b.cfg.Log.Warn("the last will of a device is lost", "client", cl.ID, "err", err)
		}
	}
	return mochi.Will{TopicName: nowhere}, nil
}

// OnPacketEncode implements mochi.Hook.
func (h *hook) OnPacketEncode(cl *mochi.Client, pk packets.Packet) packets.Packet {
	appID, _, _ := strings.Cut(cl.ID, "/")
	switch pk.FixedHeader.Type {
	case packets.Publish:
		pk.TopicName = strings.TrimPrefix(pk.TopicName, appID+"/")
	case packets.Connack:
		pk.Properties.AssignedClientID = strings.TrimPrefix(pk.Properties.AssignedClientID, appID+"/")
		pk.Properties.RetainAvailable, pk.Properties.RetainAvailableFlag = 0, true
		pk.Properties.SharedSubAvailable, pk.Properties.SharedSubAvailableFlag = 0, true
	}
	return pk
}
