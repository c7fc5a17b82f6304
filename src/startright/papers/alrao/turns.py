"""Whose turn it is: gradients of the mixture and of the heads, then the parameters, then Switch.

The loop that most programs have, ``loss.backward(); optimizer.step()``, runs on a model of Alrao as well, but
gives the heads the gradient of the mixture, and Switch nothing. So optimizer and Switch tell each other.
"""

import warnings


class Turn:
    """Shared by a model, its optimizer and its Switch.

    Args:
        n_heads: with one head there is nothing to switch.
    """

    def __init__(self, n_heads: int):
        self._switches = n_heads > 1
        self._gradients = self._warned = False
        self._outcome = True

    def differentiated(self) -> None:
        """:meth:`Alrao.backward <startright.alrao.model.Alrao.backward>` has given the gradients."""
        self._gradients = True

    def observed(self) -> None:
        """Switch has taken in an outcome."""
        self._outcome = True

    def stepped(self) -> None:
        """The parameters have moved; a warning, once, if not in turn."""
        if not self._gradients:
            self._warn("gave the heads the mixture's gradient, and Switch no outcome")
        elif self._switches and not self._outcome:
            self._warn("follows one whose outcome Switch has not seen")
        self._gradients, self._outcome = False, False

    def done(self) -> None:
        """All three at once."""
        self._gradients, self._outcome = False, True

    def _warn(self, what: str) -> None:
        if not self._warned:
            warnings.warn(
                f"this step {what}, so it is not Alrao: call model.training_step(x, targets, optimizer) in"
                " place of loss.backward() and optimizer.step(), or do what Alrao.backward describes",
                stacklevel=5,
            )
        self._warned = True
