package store

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
)

// cell holds one value of a row, or NULL, whichever database it comes from.
type cell interface {
	sql.Scanner
	driver.Valuer
}

// newCell makes a cell for a column of a type of the shared dialect.
func newCell(kind string) (cell, error) {
	switch kind {
	case "text":
		return &sql.Null[string]{}, nil
	case "bigint":
		return &sql.Null[int64]{}, nil
	case "boolean":
		return &sql.Null[bool]{}, nil
	case "bytea":
		return &sql.Null[[]byte]{}, nil
	}
	return nil, fmt.Errorf("the type %s is not one that both databases have", kind)
}
