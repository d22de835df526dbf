"""Training on DeepSpeed engines: the world, the loop, checkpoints, stops, telemetry. The only place that touches
`torch.distributed` and DeepSpeed."""
