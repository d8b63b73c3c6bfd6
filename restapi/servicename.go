package restapi

import "mediaserver/call"

// ServiceName is the name of the inbound service that a call is for, "" if
// there is none.
func (s *Server) ServiceName(info call.Info) string {
	if svc := s.serviceFor(info); svc != nil {
		return svc.Name
	}
	return ""
}
