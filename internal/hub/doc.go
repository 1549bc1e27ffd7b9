// Package hub turns the name of a model into the folder that holds it.
//
// [Find] looks a name up, in this order: an existing folder, a built-in model,
// an [Alias], then ORG/NAME or ORG/NAME@REVISION in the cache that other tools
// of the Hugging Face hub share; what is not there is a [NotFound], whose text
// says how to get it. It reads only, so a cache may be on read-only storage.
//
// [Pull] gets it: what a model needs of a repository, into the same cache, in
// ranges that are journalled, so that a pull that was cut off at any byte goes on
// where it was. It is the only code that speaks to another machine.
//
// Caveat: the first rule makes any folder's path a valid name. Who takes names
// from strangers (a server) compares them with the public [Found.Name] of the
// models it has, and never calls Find with them.
//
//	found, err := hub.Find("openai/clip-vit-base-patch32", hub.Options{})
//	if err != nil {
//		return err // … get it with: emblem pull openai/clip-vit-base-patch32 (605 MB)
//	}
//	set, err := safetensors.OpenFolder(found.Dir)
package hub
