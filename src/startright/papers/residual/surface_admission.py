"""Which models have a loss surface, and which weights of theirs are moved."""

from torch import Tensor, nn

from startright.models.layers import WEIGHTED, why_not_plain

_BATCH_NORMS = nn.modules.batchnorm._NormBase
_CHANGING = (_BATCH_NORMS, nn.modules.dropout._DropoutNd)  # otherwise in training mode


def weights(model: nn.Module) -> dict[str, Tensor]:
    """The weights of linear and convolutional layers by name.

    Raises:
        ValueError: there are none; layers share one; one is computed in every pass; or another part has
            weights whose filters are not known.
    """
    _refuse_shared(model)
    found: dict[str, Tensor] = {}
    for path, part in model.named_modules():
        own = {f"{path}.{name}".lstrip("."): p for name, p in part._parameters.items() if p is not None}
        if isinstance(part, WEIGHTED):
            if why := why_not_plain(part):
                raise ValueError(f"layer {path!r} ({type(part).__name__}) cannot be moved: {why}")
            own = {name: p for name, p in own.items() if p is part.weight}
            found |= own
            continue
        for name, p in own.items():
            if p.dim() > 1:
                raise ValueError(
                    f"{name!r} of {type(part).__name__} has the shape {tuple(p.shape)}, and what its filters"
                    " are is not known: a surface moves linear and convolutional layers"
                )
    if not found:
        raise ValueError(f"{type(model).__name__} has no linear or convolutional layer to move")
    return found


def _refuse_shared(model: nn.Module) -> None:
    names: dict[int, str] = {}
    for name, p in model.named_parameters(remove_duplicate=False):
        other = names.setdefault(id(p), name)
        if other != name:
            raise ValueError(
                f"{other!r} and {name!r} are one parameter: a direction would move it for both, refused"
            )


def admit(model: nn.Module, recalibrate: bool) -> None:
    """Refuse a model in a mode in which a surface would not be that of the model.

    Args:
        model: of which a surface is asked.
        recalibrate: whether batch normalisation is to use the statistics of the data.

    Raises:
        ValueError: see :func:`startright.residual.surface.loss_surface`.
    """
    for path, part in model.named_modules():
        if isinstance(part, _CHANGING) and part.training:
            raise ValueError(
                f"{path!r} ({type(part).__name__}) is in training mode: call model.eval() first; for"
                " statistics of the data at every point, recalibrate=True"
            )
    norms = {path: part for path, part in model.named_modules() if isinstance(part, _BATCH_NORMS)}
    if recalibrate and not norms:
        raise ValueError("there is no batch normalisation to recalibrate: leave recalibrate=False")
    for path, part in norms.items():
        if part.running_mean is None and not recalibrate:
            raise ValueError(f"{path!r} keeps no statistics: use recalibrate=True")
