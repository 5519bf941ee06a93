"""The loss whose gradient is the policy gradient (Williams 1992), whatever an action is worth.

∇J = E[ ∇log π(a|s) · w ], where w = R − b or any other advantage of the action. The weights w are
constants: no gradient flows through them, and the baseline b in them must not depend on the action.
The entropy H of the policy keeps every action alive for a while.
"""

from jaxtyping import Float, Num
from torch import Tensor

from practicum.models.action_heads import Head


def policy_loss(
    head: Head,
    scores: Float[Tensor, "b o"],
    actions: Num[Tensor, "b ..."],
    weights: Float[Tensor, " b"],
    *,
    entropy_weight: float = 0.0,
) -> Float[Tensor, ""]:
    """−Σ w log π(a|s) − β Σ H(π(·|s)); β is `entropy_weight`, and `head` reads `scores` as π."""
    loss = -(head.log_prob(scores, actions) * weights.detach()).sum()
    if entropy_weight:
        loss = loss - entropy_weight * head.entropy(scores).sum()
    return loss
