"""ATLOP itself (Zhou et al., AAAI 2021, https://arxiv.org/abs/2010.11304) and nothing else.

Read in this order: ``encoder``, ``pairs``, ``scores``, ``relation_model``. Shapes use one legend of letters:

    B documents     L subwords of a document, padded to the longest of the batch
    W windows       S subwords of a window, padded to the longest of the batch
    M mentions      Q mention starts in a window, padded to the most of the batch
    E entities      P ordered pairs of entities           U unordered pairs
    H heads of attention    D width of the encoder    K width of a pair's head or tail (embedding_size)
    R relation types and the threshold, which is column 0

Mentions, entities and pairs are numbered through the whole batch, so none of them is padded.
"""
