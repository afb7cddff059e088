"""The regression of the example: data, linear model, gradient descent. It contains nothing about energy."""
