"""What each part of the method brings: phantoms of two kinds, several seeds, one table.

A group of variants changes one thing at a time, up to the pseudo-labels; the group `whole` is the recipe with
its segmenter, and the same segmenter trained on true masks to convergence.

python -m benchmarks.method [--kinds chest shapes] [--seeds 0 1 2] [--groups GROUP ...] [--group-seeds 0]
                            [--out build/method]
"""
