"""Parts of the `convsim` command: options that commands share, and commands of their own."""
