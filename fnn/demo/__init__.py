"""One network, three doors: LeNet on real digits, trained from the same initial parameters."""
