"""The three networks: trained with torch, served with ONNX Runtime."""
