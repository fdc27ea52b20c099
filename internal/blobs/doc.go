// Package blobs keeps the contents of files: as files of a folder, or in a store
// that speaks S3. Names, versions and who may read what are in the database; a
// blob is octets under an id that is used once. It is put down before the
// database names it, and removed after the database has forgotten it, so that a
// crash in between leaves a blob that nobody names, which Sweep removes, and never a
// name without a blob.
//
// Several processes that share a database need one place for blobs: an S3 store,
// or a folder on a shared file system.
package blobs
