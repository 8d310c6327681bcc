package stage

// PublishAll gives files their names, in their order, up to the first that cannot be
// published. The error is Publish's.
func PublishAll(files []File) error {
	for _, f := range files {
		if err := f.Publish(nil); err != nil {
			return err
		}
	}
	return nil
}
