"""Files: the safetensors envelope, one module for each kind of file, and the reading of foreign ones."""
