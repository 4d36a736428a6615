"""The outside: models, agents, files, MLflow. One vendor a file."""
