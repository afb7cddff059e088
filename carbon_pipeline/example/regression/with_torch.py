"""Gradient descent with PyTorch, as in the original script: `nn.Linear`, `MSELoss`, `SGD`. Needs the extra `torch`."""

from carbon_pipeline import phase
from carbon_pipeline.example.regression.data import Samples
from carbon_pipeline.example.regression.model import Descent, Hyperparameters, LossPoint


def descend(samples: Samples, hyperparameters: Hyperparameters) -> Descent:
    """Minimize the mean squared error, as `carbon_pipeline.example.regression.model.Descend`."""
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            "the back end `torch` needs PyTorch, the extra `torch` of this package: pip install torch"
        ) from error

    x, y = torch.from_numpy(samples.features), torch.from_numpy(samples.target).unsqueeze(1)
    model = torch.nn.Linear(x.shape[1], 1, dtype=torch.float64)
    torch.nn.init.zeros_(model.weight)
    torch.nn.init.zeros_(model.bias)
    criterion = torch.nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=hyperparameters.learning_rate)
    losses = []
    for epochs in hyperparameters.logged_epochs():
        with phase("epochs"):
            for epoch in epochs:
                loss = criterion(model(x), y)
                if epoch % hyperparameters.log_every == 0:
                    losses.append(LossPoint(epoch, loss.item()))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    return Descent(model.weight.detach().numpy()[0], model.bias.item(), losses)
