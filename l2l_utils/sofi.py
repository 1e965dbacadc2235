def sofi2(s): return s.var(0)
def bsofi(s,o): return s.std(0)
