package store

import "errors"

var errInTransfer = errors.New("the database is being copied: no server may run on it meanwhile")
