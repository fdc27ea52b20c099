// Package outbound makes the HTTP requests that scripts ask for. Where they
// lead is a stranger's choice, so that much must hold whatever is asked:
//
//   - Only http and https, to hosts and ports on the app's list, which is
//     looked at again for every redirect.
//   - Only public addresses. What an address is, is checked when the connection
//     is made and not by what a name led to before ([net.Dialer.Control]), in
//     IPv4, IPv6, and IPv4 within IPv6. Networks of the operator's choice are open
//     besides, to apps whose list names the host. PiCloud's own listeners are not.
//   - No proxy of the environment, no cookies, no credentials of the machine.
//   - What identifies the caller (Authorization, Cookie, any header but a few)
//     stays with the host that it was meant for.
//   - Everything is bounded: time, redirects, the answer's head, its body before
//     and after it is decompressed, calls at a time, bytes of all answers.
package outbound
