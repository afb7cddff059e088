"""The regression that the project ships as its example: data, linear model, gradient descent. Nothing of energy."""
