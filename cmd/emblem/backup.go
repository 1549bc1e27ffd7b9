package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/index"
)

// backupOptions are those of library backup and library restore.
type backupOptions struct {
	Library string
	Folder  pathList // one, absolute
	Keep    int
	Backup  string // which to restore; "" means the newest
	List    bool
	JSON    bool
}

func newBackupCmd(a *app) *cobra.Command {
	var o backupOptions
	cmd := a.folderCmd(&o, "library.backup", "backup DIR", "Put a library into a folder of backups",
		`Put a library into a folder of backups, beside the earlier ones.

Files that the folder has already are not copied again; searches and writes go on
meanwhile. The pictures are not in it. Use a folder for each library.`,
		"  emblem library backup /mnt/backup/pictures --keep 14")
	cmd.Flags().StringVar(&o.Library, "library", "default", "name of the library")
	cmd.Flags().IntVar(&o.Keep, "keep", 0, "then remove all but the newest; 0 keeps all")
	return cmd
}

func newRestoreCmd(a *app) *cobra.Command {
	var o backupOptions
	cmd := a.folderCmd(&o, "library.restore", "restore DIR", "Make a library of a backup",
		`Make a library of a backup, the newest unless --backup names one.

Nothing is overwritten: a library of that name must not be there. Every file is
checked, and the library appears when all of it is there. What makes it fast is
made anew in the background.`,
		`  emblem library restore /mnt/backup/pictures --list
  emblem library restore /mnt/backup/pictures --library rescued`)
	cmd.Flags().StringVar(&o.Library, "library", "default", "name of the new library")
	cmd.Flags().StringVar(&o.Backup, "backup", "", "which backup, as --list names it; default: the newest")
	cmd.Flags().BoolVar(&o.List, "list", false, "list the backups instead")
	return cmd
}

// folderCmd is a command on a folder of backups.
func (a *app) folderCmd(o *backupOptions, operation, use, short, long, example string) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long, Example: example,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.Keep < 0 {
				return usagef("--keep must not be negative")
			}
			folder, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			o.Folder = pathList{folder}
			if o.List {
				return a.listBackups(*o)
			}
			dir, err := a.dataDir()
			if err != nil {
				return err
			}
			return a.perform(cmd.Context(), dir, operation, *o)
		},
	}
	cmd.Flags().BoolVar(&o.JSON, "json", false, "one JSON object")
	return cmd
}

// backupLine is a backup as --json has it.
type backupLine struct {
	Library string    `json:"library,omitempty"`
	Status  string    `json:"status,omitempty"`
	Backup  string    `json:"backup"`
	Time    time.Time `json:"time"`
	Seq     uint64    `json:"seq"`
	Files   int       `json:"files"`
	Bytes   int64     `json:"bytes"`
	Copied  *int64    `json:"copied_bytes,omitempty"`
}

func newBackupLine(b index.BackupEntry) backupLine {
	return backupLine{Backup: b.Name, Time: b.Time, Seq: b.Seq, Files: b.Files, Bytes: b.Bytes}
}

// runLibraryBackup is the library.backup operation.
func runLibraryBackup(ctx context.Context, h *host, s *session, o backupOptions) error {
	lib, err := h.store.Open(o.Library)
	if err != nil {
		return err
	}
	r, err := lib.Backup(ctx, o.Folder[0], o.Keep)
	if err != nil {
		return err
	}
	line := newBackupLine(r.BackupEntry)
	line.Library, line.Status, line.Copied = o.Library, "backed up", &r.CopiedBytes
	if o.JSON {
		return newEncoder(s.stdout).Encode(line)
	}
	_, err = fmt.Fprintf(s.stdout, "library %s: backup %s, %s, of which %s are new\n", o.Library, r.Name, megabytes(uint64(r.Bytes)), megabytes(uint64(r.CopiedBytes)))
	return err
}

// runLibraryRestore is the library.restore operation.
func runLibraryRestore(ctx context.Context, h *host, s *session, o backupOptions) error {
	b, err := h.store.Restore(ctx, o.Folder[0], o.Backup, o.Library)
	if err != nil {
		return err
	}
	line := newBackupLine(b)
	line.Library, line.Status = o.Library, "restored"
	if o.JSON {
		return newEncoder(s.stdout).Encode(line)
	}
	_, err = fmt.Fprintf(s.stdout, "library %s: restored from backup %s of %s\n", o.Library, b.Name, b.Time.Local().Format(time.DateTime))
	return err
}

// listBackups prints what a folder has, the oldest first. It needs no library.
func (a *app) listBackups(o backupOptions) error {
	list, err := index.Backups(o.Folder[0])
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if o.JSON {
		lines := []backupLine{}
		for _, b := range list {
			lines = append(lines, newBackupLine(b))
		}
		newEncoder(&out).Encode(map[string]any{"backups": lines})
	} else {
		w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
		for _, b := range list {
			fmt.Fprintf(w, "%s\t%s\t%s\n", b.Name, b.Time.Local().Format(time.DateTime), megabytes(uint64(b.Bytes)))
		}
		w.Flush()
	}
	_, err = a.stdout.Write(out.Bytes())
	return err
}
