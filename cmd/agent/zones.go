package main

// The image holds no time zones either, and windows name them.
import _ "time/tzdata"
