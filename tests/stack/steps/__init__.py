"""The steps of the stack test, each a function of the `Run`; each leaves every service healthy."""
