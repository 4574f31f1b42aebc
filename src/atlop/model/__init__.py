"""ATLOP (Zhou et al., AAAI 2021, https://arxiv.org/abs/2010.11304) in plain PyTorch, and nothing else.

Read in this order: ``attention``, ``encoder``, ``pairs``, ``scores``, ``relation_model``. The same code trains,
predicts and is exported; :mod:`atlop.kernels` may replace some of its modules by faster ones. Shapes use these letters:

    B documents     L subwords of a document, padded to the longest of the batch
    W windows       S subwords of a window, padded to the longest of the batch
    M mentions      Q mention starts in a window, padded to the maximum
    E entities      P ordered pairs of entities     U unordered pairs       T sentences, padded to the maximum
    H attention heads       D width of the encoder    K width of a pair's head or tail (embedding_size)
    R relation types and the threshold, which is column 0

Mentions, entities and pairs are numbered through the whole batch, so none of them is padded. N counts the starts of
mentions, each once for every window that contains it.
"""
