kubectl() { command kubectl "$@" || [ $? = 1 ]; } # which says that something differs
