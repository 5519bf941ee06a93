"""An introduction to deep reinforcement learning (Simonini 2020, Deep RL course, chapter 1).

An agent acts, the world answers with a reward, and what counts is the discounted sum of all that
follows:  G_t = Σ_k γ^k R_{t+k+1},  with V^π(s) = E[G_t | s]  and  Q^π(s, a) = E[G_t | s, a].

Agents by value learn Q and act greedily:  Q ← Q + α [r + γ (1 − terminated) max Q(s′, ·) − Q].
Agents by policy climb:  ∇J = E[Σ_t ∇ log π(a_t|s_t) (G_t − b(s_t))].  Actor-critics do both.

Claim: each of these learns to act from rewards alone, where acting at random, looking no step
ahead, never exploring or never replaying does not; and γ decides how far ahead one looks.

The work reports no numbers. Worlds that publish their transitions are scored exactly, the others
over twenty fixed episodes without exploration. Thresholds: Gymnasium's own for the lake, 195 and
400 of 500 steps for the pole; the agent by policy, best in pilots, is the one asked for 400.
"""

from dataclasses import dataclass, replace
from statistics import fmean
from typing import Protocol, cast

from practicum.lab.folder import run_folder
from practicum.lab.kept import keep_text
from practicum.lab.paper import Claim, Paper, Picture
from practicum.lab.plots import bars, curves
from practicum.lab.rows import Rows
from practicum.models.trunks import Convolutions
from practicum.rl.actor_critic import ActorCritic
from practicum.rl.agent import Agent
from practicum.rl.cheese_maze import CheeseMaze
from practicum.rl.controls import AtRandom
from practicum.rl.discount_flip import exact_flip, learned_flip, place_above
from practicum.rl.dqn import DQN, nature
from practicum.rl.environments import Environment
from practicum.rl.exploration import Exploration
from practicum.rl.gradient_variance import with_and_without
from practicum.rl.grids import cheese_maze, draw_arrows, frozen_lake
from practicum.rl.planning import (
    action_values,
    best_values,
    expected_return,
    greedy,
    success_probability,
    transitions_of,
    uniform,
)
from practicum.rl.ppo import PPO
from practicum.rl.recording import keep_recording, record
from practicum.rl.reinforce import Raw, Reinforce
from practicum.rl.return_curves import at_common_steps
from practicum.rl.scene import to_svg
from practicum.rl.score import score
from practicum.rl.tabular import QLearning
from practicum.rl.taught import ADAM
from practicum.seeding import derive
from practicum.training.budget import Budget
from practicum.training.loop import Watch
from practicum.training.schedules import Constant

LAKE = Environment(id="FrozenLake-v1")
WHOLE = 100  # steps of an episode on the lake, and more than any mouse needs
MAZE = Environment(id="practicum.rl.cheese_maze:CheeseMaze")
CAT = replace(MAZE, options=(("cat", 0.1),))
POLE, SWING = Environment(id="CartPole-v1"), Environment(id="Pendulum-v1")
CATCH = Environment(id="practicum.rl.catch:Catch", frames=4)
EYES = Convolutions(layers=((8, 8, 4), (16, 4, 2)), hidden=64)
NEVER = Exploration(start=0.0, end=0.0)


class Learner(Protocol):
    """A network's way to learn."""

    def learn(
        self, environment: Environment, *, steps: int, seed: int, watch: Watch = ...
    ) -> Agent: ...


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Every learner and how long it learns."""

    table: QLearning = QLearning(rate=0.1)
    episodes: int = 10_000  # on the lake
    tables: int = 5  # learned at each seed
    mouse: QLearning = QLearning(rate=0.5)
    meals: int = 2_000  # episodes of a mouse
    mice: int = 10
    gammas: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99)
    dqn: DQN = DQN(copy_every=63)  # updates, one every 4 steps: every 250 steps
    reinforce: Reinforce = Reinforce()
    actor_critic: ActorCritic = ActorCritic()
    ppo: PPO = PPO()
    value_steps: int = 50_000
    policy_steps: int = 60_000
    ppo_steps: int = 30_000
    swing_steps: int = 100_000
    fixed_at: int = 5_000  # steps after which a policy is held fixed, to measure its gradient
    baseline: Budget = Budget(
        steps=100, batch=4, rate=1e-2, schedule=Constant(), warmup=0.0, optimiser=ADAM, clip=None
    )
    batches: int = 200
    catch_dqn: DQN = DQN(trunk=EYES, batch=32, start=500)
    catch_ppo: PPO = PPO(trunk=EYES, epochs=4)
    catch_steps: int = 1_000  # enough to see that it runs; the preset gpu learns the game
    filmed: int = 0  # the seed whose tables are drawn and whose agents are filmed


def lake(setup: Setup, seed: int, learner: QLearning) -> dict[str, float]:
    """How likely the learned tables cross the slippery lake, by its table of transitions."""
    env = LAKE.make()
    agents = [
        learner.learn(LAKE, episodes=setup.episodes, seed=derive(seed, n))
        for n in range(setup.tables)
    ]
    if seed == setup.filmed:
        keep_text("arrows.svg", to_svg(draw_arrows(frozen_lake(env), agents[0].table)))
    world = transitions_of(env)
    chances = [success_probability(world, agent.policy, steps=WHOLE) for agent in agents]
    return {"success": fmean(chances), "reached": float(sum(c >= 0.7 for c in chances))}


def chance(setup: Setup, seed: int) -> dict[str, float]:
    """What acting at random comes to; and the best that can be done on the lake."""
    world = transitions_of(LAKE.make())
    best = greedy(action_values(world, best_values(world, 0.99), 0.99), tolerance=1e-9)
    return {
        "success": success_probability(world, uniform(world), steps=WHOLE),
        "optimum": success_probability(world, best, steps=WHOLE),
        "score": score(AtRandom(POLE, seed=seed), POLE).mean,
        "swing": score(AtRandom(SWING, seed=seed), SWING).mean,
        "catch": score(AtRandom(CATCH, seed=seed), CATCH).mean,
    }


def mice(setup: Setup, seed: int, mouse: QLearning) -> dict[str, float]:
    """Which share of the mice goes for the large cheese, and which for a near one."""
    env = MAZE.make()
    maze, world = cast(CheeseMaze, env.unwrapped), transitions_of(env)
    agents = [
        mouse.learn(MAZE, episodes=setup.meals, seed=derive(seed, n)) for n in range(setup.mice)
    ]
    if seed == setup.filmed:
        keep_text("arrows.svg", to_svg(draw_arrows(cheese_maze(env), agents[0].table)))
    meals = [expected_return(world, agent.policy, steps=WHOLE) for agent in agents]
    return {
        "far": fmean(float(meal > maze.far / 2) for meal in meals),
        "near": fmean(float(0.99 < meal / maze.near < 1.01) for meal in meals),
    }


def discounts(setup: Setup, seed: int) -> dict[str, float]:
    """At which γ the first move turns to the large cheese: as learned, by planning, by formula."""
    flips = {}
    for name, environment in (("alone", MAZE), ("cat", CAT)):
        env = environment.make()
        flips[name] = cast(CheeseMaze, env.unwrapped).flip
        flips[f"{name}_exact"] = exact_flip(transitions_of(env))
    learned = learned_flip(setup.mouse, MAZE, setup.gammas, episodes=setup.meals, seed=seed)
    return {
        "grid_steps_off": float(abs(learned - place_above(setup.gammas, flips["alone"]))),
        "formula_off": max(abs(flips[name] - flips[f"{name}_exact"]) for name in ("alone", "cat")),
        **flips,
    }


def pole(setup: Setup, seed: int, learner: Learner, steps: int) -> dict[str, float]:
    """How many of 500 steps the pole stands."""
    return {"score": played(setup, POLE, learner, steps, seed)}


def swing(setup: Setup, seed: int) -> dict[str, float]:
    """A Gaussian policy for a continuous action. It would need several times as many steps."""
    return {"swing": played(setup, SWING, setup.actor_critic, setup.swing_steps, seed)}


def catch(setup: Setup, seed: int, learner: Learner) -> dict[str, float]:
    """How many more of five balls are caught than missed, by agents that see 84 × 84 pixels."""
    return {"catch": played(setup, CATCH, learner, setup.catch_steps, seed)}


def played(
    setup: Setup, environment: Environment, learner: Learner, steps: int, seed: int
) -> float:
    """The mean return of what was learned, over fixed seeds, without exploration."""
    name = environment.id.rpartition(":")[-1]
    watch = Watch(name=f"{name}, seed {seed}", folder=run_folder() / name)
    agent = learner.learn(environment, steps=steps, seed=seed, watch=watch)
    if seed == setup.filmed:
        keep_recording(record(agent, environment), name)
    return score(agent, environment).mean


def variance(setup: Setup, seed: int) -> dict[str, float]:
    """Of the policy gradient, without a baseline and with one that was fitted to the policy."""
    raw, learned = with_and_without(
        setup.reinforce,
        POLE,
        steps=setup.fixed_at,
        baseline=setup.baseline,
        batches=setup.batches,
        seed=seed,
    )
    return {"raw": raw, "baseline": learned, "ratio": raw / learned}


ARMS = {
    "q_learning": lambda s, seed: lake(s, seed, s.table),
    "myopic": lambda s, seed: lake(s, seed, replace(s.table, discount=0.0)),
    "curious": lambda s, seed: mice(s, seed, s.mouse),
    "greedy": lambda s, seed: mice(s, seed, replace(s.mouse, explore=NEVER, ties="first")),
    "discounts": discounts,
    "dqn": lambda s, seed: pole(s, seed, s.dqn, s.value_steps),
    "forgetful": lambda s, seed: pole(s, seed, replace(s.dqn, replay=4, batch=4), s.value_steps),
    "reinforce": lambda s, seed: pole(s, seed, s.reinforce, s.policy_steps),
    "raw": lambda s, seed: pole(s, seed, replace(s.reinforce, baseline=Raw()), s.policy_steps),
    "actor_critic": lambda s, seed: pole(s, seed, s.actor_critic, s.policy_steps),
    "ppo": lambda s, seed: pole(s, seed, s.ppo, s.ppo_steps),
    "variance": variance,
    "swing": swing,
    "catch_dqn": lambda s, seed: catch(s, seed, s.catch_dqn),
    "catch_ppo": lambda s, seed: catch(s, seed, s.catch_ppo),
    "chance": chance,
}
ON_THE_POLE = ("dqn", "forgetful", "reinforce", "raw", "actor_critic", "ppo")


def run(setup: Setup, arm: str, seed: int) -> dict[str, float]:
    """What the arm's agents earn after learning."""
    return ARMS[arm](setup, seed)


def learning(rows: Rows) -> Picture:
    """Returns while learning, exploration included."""
    return curves(
        at_common_steps(rows, ON_THE_POLE),
        "return",
        title="Learning to balance a pole",
        x="environment steps",
        y="steps it stands, while learning",
    )


def standing_poles(rows: Rows) -> Picture:
    """What was learned, without exploration, beside acting at random."""
    return bars(
        replace(rows, arms=(*ON_THE_POLE, "chance")),
        "score",
        title="Steps the pole stands after learning, of 500",
        y="steps",
    )


def crossings(rows: Rows) -> Picture:
    """Exact probabilities on the lake."""
    return bars(
        replace(rows, arms=("q_learning", "myopic", "chance")),
        "success",
        title="Probability of crossing the slippery lake",
        y="probability",
    )


CPU = Setup()
PAPER = Paper(
    run=run,
    arms=tuple(ARMS),
    presets={
        "smoke": Setup(
            episodes=60,
            tables=2,
            meals=40,
            mice=2,
            gammas=(0.1, 0.99),
            dqn=DQN(copy_every=63, start=100, replay=200),
            value_steps=200,
            policy_steps=600,
            ppo_steps=600,
            swing_steps=300,
            fixed_at=100,
            baseline=replace(CPU.baseline, steps=2),
            batches=3,
            catch_dqn=DQN(trunk=EYES, batch=8, start=50, replay=200),
            catch_ppo=PPO(trunk=EYES, copies=2, length=32, minibatch=32, epochs=1),
            catch_steps=100,
        ),
        "cpu": CPU,
        "gpu": Setup(
            catch_steps=2_000_000,
            catch_dqn=replace(nature(steps=2_000_000), device="cuda"),
            catch_ppo=PPO(
                trunk=Convolutions(),
                copies=16,
                length=128,
                minibatch=256,
                epochs=4,
                rate=2.5e-4,
                entropy_weight=0.01,
                device="cuda",
            ),
        ),
    },
    seeds={"smoke": 1, "cpu": 7, "gpu": 3},
    claims=(
        Claim(
            "Q-learning crosses the slippery lake with probability 0.70",
            value=lambda r: r.q_learning.success,
            at_least=0.7,
            source="registered threshold of FrozenLake-v1",
        ),
        Claim(
            "4 of every 5 tables that Q-learning fills cross it so",
            value=lambda r: r.q_learning.reached,
            at_least=4,
            source="registered threshold of FrozenLake-v1",
        ),
        Claim(
            "acting at random hardly ever crosses it",
            value=lambda r: r.chance.success,
            at_most=0.05,
            source="control; the margin is ours",
        ),
        Claim(
            "without looking ahead (γ = 0) nobody learns to cross",
            value=lambda r: r.myopic.success,
            at_most=0.15,
            source="control; the margin is ours",
        ),
        Claim(
            "the best policy known crosses with probability 0.740",
            value=lambda r: abs(r.chance.optimum - 0.740),
            at_most=5e-4,
            source="exact, by value iteration with γ = 0.99",
        ),
        Claim(
            "9 of 10 mice that explore find the large cheese",
            value=lambda r: r.curious.far,
            at_least=0.9,
            source="the exploration trade-off; the margin is ours",
        ),
        Claim(
            "9 of 10 mice that never explore keep to a small one",
            value=lambda r: r.greedy.near,
            at_least=0.9,
            source="the exploration trade-off; the margin is ours",
        ),
        Claim(
            "the first move turns to the far cheese at γ* = (near/far)^(1/(d_far − d_near)), "
            "within one step of the grid",
            value=lambda r: r.discounts.grid_steps_off,
            at_most=1,
            source="discounting",
        ),
        Claim(
            "a cat discounts as γ does: the exact flips lie at γ* and at γ*/(1 − cat)",
            value=lambda r: r.discounts.formula_off,
            at_most=1e-6,
            source="discounting, the cat",
        ),
        Claim(
            "a deep Q-network balances the pole for 195 steps",
            value=lambda r: r.dqn.score,
            at_least=195,
            source="CartPole-v0 counts as solved there",
        ),
        Claim(
            "REINFORCE with a baseline balances it for 195 steps",
            value=lambda r: r.reinforce.score,
            at_least=195,
            source="CartPole-v0 counts as solved there",
        ),
        Claim(
            "an advantage actor-critic balances it for 195 steps",
            value=lambda r: r.actor_critic.score,
            at_least=195,
            source="CartPole-v0 counts as solved there",
        ),
        Claim(
            "the best of the three, REINFORCE, balances it for 400 steps",
            value=lambda r: r.reinforce.score,
            at_least=400,
            source="the margin is ours, of 500 steps at most",
        ),
        Claim(
            "at random the pole falls within 30 steps",
            value=lambda r: r.chance.score,
            at_most=30,
            source="control; the margin is ours",
        ),
        Claim(
            "learning from the last 4 steps alone costs a deep Q-network half its score",
            value=lambda r: r.forgetful.score / r.dqn.score,
            at_most=0.5,
            source="experience replay; the margin is ours",
        ),
        Claim(
            "a fitted baseline halves the variance of the policy gradient",
            value=lambda r: r.variance.ratio,
            at_least=2,
            source="the baseline b(s); the margin is ours",
        ),
    ),
    plots=(learning, standing_poles, crossings),
)
