"""Learning from rewards: environments, value-based and policy-based agents, their evaluation."""
