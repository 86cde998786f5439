"""How fast Tidegate is, against what is possible: each module is one command, `make bench` all."""
