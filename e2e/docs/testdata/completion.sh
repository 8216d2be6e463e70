mkdir -p ~/.local/bin
