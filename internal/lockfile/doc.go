// Package lockfile lets one process at a time do something, by a lock on a file.
//
// Try takes the lock or says that it is busy; Wait takes it when it is free. The
// system gives a lock back when its file is closed or its process ends, however
// that ends. The file stays: removing it would let two processes lock two files of
// one name.
//
// Caveat: on network file systems a lock is worth what the system makes of it.
//
//	f, err := lockfile.Wait(ctx, path+".lock")
//	defer f.Close()
package lockfile
