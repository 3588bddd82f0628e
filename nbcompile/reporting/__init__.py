"""Values to what people and machines read: diagnostics, pictures, run reports, progress."""
