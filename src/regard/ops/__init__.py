"""Pure functions on tensors: scores, masked softmax. No layers, no state."""
