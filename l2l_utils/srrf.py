def reconstruct(s): raise ImportError
