"""Metrics: how far p_g is from p_data, as estimates with intervals, floors and protocols."""
