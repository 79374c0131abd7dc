"""What all ways to ask a trained model share: requests, limits, engines, replies."""
