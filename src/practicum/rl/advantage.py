"""How much better than expected an action turned out: returns to go, and GAE(λ).

Arrays are (time, copies): one column for each copy of an environment, in which episodes follow one
another. An episode ends in two ways. `terminated`: the world is over, nothing more is to be had.
`truncated`: someone stopped watching, and what would have followed is worth V of the true next
observation, which is not the first of the next episode.
"""

import numpy as np
from jaxtyping import Bool, Float


def rewards_to_go(
    rewards: Float[np.ndarray, "t n"], ended: Bool[np.ndarray, "t n"], *, discount: float
) -> Float[np.ndarray, "t n"]:
    """G_t = r_t + γ G_{t+1} within each episode; nothing is worth anything after the last row."""
    returns = rewards.copy()
    going = discount * ~ended
    for t in range(len(rewards) - 2, -1, -1):
        returns[t] += going[t] * returns[t + 1]
    return returns


def gae_reference(
    rewards: Float[np.ndarray, "t n"],
    values: Float[np.ndarray, "t n"],
    next_values: Float[np.ndarray, "t n"],
    terminated: Bool[np.ndarray, "t n"],
    truncated: Bool[np.ndarray, "t n"],
    *,
    discount: float,
    smoothing: float,
) -> Float[np.ndarray, "t n"]:
    """Â_t = Σ_l (γλ)^l δ_{t+l} up to the end of the episode, as written. Judges `gae`."""
    advantages = np.zeros_like(rewards)
    for t in range(len(rewards)):
        for n in range(rewards.shape[1]):
            for later in range(t, len(rewards)):
                future = 0.0 if terminated[later, n] else discount * next_values[later, n]
                delta = rewards[later, n] + future - values[later, n]
                advantages[t, n] += (discount * smoothing) ** (later - t) * delta
                if terminated[later, n] or truncated[later, n]:
                    break
    return advantages


def gae(
    rewards: Float[np.ndarray, "t n"],
    values: Float[np.ndarray, "t n"],
    next_values: Float[np.ndarray, "t n"],
    terminated: Bool[np.ndarray, "t n"],
    truncated: Bool[np.ndarray, "t n"],
    *,
    discount: float,
    smoothing: float,
) -> Float[np.ndarray, "t n"]:
    """Generalised advantage estimates (Schulman et al. 2016, eq. 16), from the last row backwards.

    δ_t = r_t + γ V(s_{t+1}) (1 − terminated_t) − V(s_t);  Â_t = δ_t + γλ (1 − ended_t) Â_{t+1}.
    `values` are V(s_t), `next_values` V of the true next observations, `smoothing` is λ: 0 is the
    one-step difference, 1 the return less the baseline. Â + V is the target of V.
    """
    advantages = rewards + discount * next_values * ~terminated - values
    going = discount * smoothing * ~(terminated | truncated)
    for t in range(len(rewards) - 2, -1, -1):
        advantages[t] += going[t] * advantages[t + 1]
    return advantages
