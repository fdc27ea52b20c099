// Package seal encrypts what the database must not show in clear: the secrets
// of second factors, and those of scripts.
//
// Everything that is sealed has a key of its own, the data key, with which it
// is encrypted by AES-256-GCM. The data key is kept beside it, encrypted in
// the same way under a key of the instance, whose id is told in front. So a
// change of the instance's key encrypts 32 bytes anew for each secret, and no
// secret is seen on the way.
//
//	1 | key id (8) | data key, sealed by the instance's key (60) | the secret, sealed by the data key (n + 28)
//
// Both encryptions are bound to the place where the result is kept, such as
// "totp/secret/<id of the row>". One that is moved to another row or column
// does not open there.
//
// The keys of the instance are in a file outside of the database: a copy of
// the database alone opens nothing. See [Locate] for where. The last key of the
// file seals, the others only open what they have sealed. To change the key, a
// new one is added at the end ([AddKey]); what is sealed by an old one is
// wrapped anew by its owner ([Keyring.Rewrap]), and then the old one can go.
//
// In a cluster all nodes need the same file.
package seal
