// Package mqtt lets devices speak MQTT 3.1.1 and 5 with apps: an embedded broker
// whose messages are those of PiCloud's topics, both ways.
//
// A device signs in as APP/NAME and lives in its app's namespace: it sees
// neither the app's name in a topic nor anything of another app. The topic
// sensors/kitchen is PiCloud's sensors.kitchen.
//
// There is one way for a message. What a device publishes is committed like what
// a script publishes, and acknowledged after that; the broker gives it to nobody
// by itself. What is committed on a topic that is a stream comes back from the
// store, to the subscribers on every node, in one order for all. So devices,
// scripts and clients of server-sent events see the same.
//
// Sessions end with their connection: the broker keeps no messages for who is
// away, and nothing that is retained. A last will is published like any message.
//
// The broker is a library, github.com/mochi-mqtt/server. What it logs is
// dropped, because it logs whole packets. It looks at its clients once a second:
// a server that speaks MQTT is not quite idle when nothing happens.
package mqtt
