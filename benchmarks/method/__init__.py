"""What each part of the method brings: phantoms of two kinds, several seeds, one table.

python -m benchmarks.method [--kinds chest shapes] [--seeds 0 1 2] [--groups GROUP ...] [--out build/method]
"""
