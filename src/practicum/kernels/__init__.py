"""Functions on tensors without parameters, each as equation and as fast version."""
